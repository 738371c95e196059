-- The views of feature sets and how each is made. No parameters. Called by storage.scratch.
SELECT v.viewname::text AS name, v.definition FROM pg_views v
WHERE v.schemaname = 'public' AND v.viewname IN (SELECT 'features_' || feature_set FROM public.feature_sets)
ORDER BY v.viewname
