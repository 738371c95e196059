-- What pages look up is read more slowly.
DROP VIEW fill_costs;
DROP INDEX orders_newest;
