"""The page of features is what the declarations say."""

from data_layer.features.document import PAGE, page
from data_layer.features.registry import catalogue


def test_the_page_is_current():
    assert PAGE.read_text() == page(), "run python -m data_layer.features.document"


def test_every_column_is_on_it():
    text = page()
    for feature_set, least in (("technical", 140), ("alpha158", 158)):
        names = [item.name for item in catalogue(feature_set)]
        assert len(names) >= least
        assert all(f"| `{name}` |" in text for name in names)
