-- Labels of sessions from one on that are known by another. Parameters: price, horizon, first, last.
-- Called by plugins.ml.labels.
SELECT symbol, session_date, label
FROM training_labels
WHERE price = %(price)s AND horizon = %(horizon)s::integer AND session_date >= %(first)s::date AND label_end <= %(last)s::date
