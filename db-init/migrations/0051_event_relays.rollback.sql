-- A relay that is begun again sends everything again; its readers know the events by their keys.
DROP TABLE event_relays;
