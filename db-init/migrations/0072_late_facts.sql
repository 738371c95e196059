-- What came to be known within a span of instants is looked for every session, among all bars there are: they lie in the
-- order in which they became known, so a summary of each stretch of pages tells which to read.
CREATE INDEX market_data_known_at ON market_data USING brin (known_at) WITH (autosummarize = on);
