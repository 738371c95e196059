-- The views that must hold no row, with what each is about. Called by plugins.stages.book_checks.
SELECT viewname AS name, obj_description(format('%I.%I', schemaname, viewname)::regclass) AS comment
FROM pg_views WHERE schemaname = 'public' AND starts_with(viewname, 'check_')
ORDER BY viewname
