-- Features of the symbol at the decision's session. Parameters: symbol, session. Called by plugins.web.lineage, plugins.web.pages.behind.
SELECT feature_set, features FROM feature_store WHERE symbol = %(symbol)s AND date = %(session)s
