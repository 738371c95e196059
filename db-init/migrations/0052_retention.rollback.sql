-- What was removed stays removed.
DROP FUNCTION remove_expired(timestamptz, boolean);
