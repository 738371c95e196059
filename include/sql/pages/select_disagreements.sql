-- Where two vendors differ, newest first. Parameter: count. Called by plugins.web.pages.data.
SELECT date, symbol, field, source, value, other_source, other_value, difference, tolerance, chosen_source
FROM vendor_disagreements ORDER BY date DESC, symbol, field LIMIT %(count)s
