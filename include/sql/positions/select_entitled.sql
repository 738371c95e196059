-- The shares held as a session had opened, before its fills: of sessions recorded, also while a replay decides later
-- ones. Parameters: account_id, session, symbol. Called by plugins.stages.told_late.
SELECT coalesce((SELECT quantity FROM public.positions
                 WHERE account_id = %(account_id)s AND session_date = %(session)s AND symbol = %(symbol)s), 0)
       - coalesce((SELECT sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) FROM public.fills
                   WHERE account_id = %(account_id)s AND session_date = %(session)s AND symbol = %(symbol)s), 0) AS shares
