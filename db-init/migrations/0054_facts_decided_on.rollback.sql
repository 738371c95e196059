DROP FUNCTION facts_decided_on;
