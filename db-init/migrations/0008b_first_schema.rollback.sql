-- The schema before it is that of no released code: nothing is taken back.
SELECT 1;
