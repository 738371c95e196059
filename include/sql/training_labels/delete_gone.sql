-- Labels of a span that the caller has not staged: their bar, or the membership, is no more.
-- Parameters: price, horizon, first, last, symbols. Called by storage.training.
DELETE FROM training_labels t
WHERE price = %(price)s AND horizon = %(horizon)s AND session_date >= %(first)s AND label_end <= %(last)s
  AND symbol = ANY(%(symbols)s)
  AND NOT EXISTS (SELECT FROM staged_labels s WHERE (s.symbol, s.session_date) = (t.symbol, t.session_date))
