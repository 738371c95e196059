-- One row: what a model is called. Parameter: id. Called by plugins.web.pages.links.
SELECT model_name FROM models WHERE id = %(id)s
