"""The recipes of ARCHITECTURE.md, carried out on a copy of the tree: anyone who follows one to the letter is
through."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipes.backend import BACKEND
from tests.recipes.edits import Recipe, copied_tree
from tests.recipes.operator import OPERATOR
from tests.recipes.topic import TOPIC

pytestmark = pytest.mark.slow
RECIPES = (OPERATOR, TOPIC, BACKEND)
EACH = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.what)


@EACH
class TestWords:
    def test_every_step_is_taken(self, recipe: Recipe) -> None:
        """Or has a reason; commands are run in any case."""
        taken = {*recipe.new_files, *recipe.changes, *recipe.not_needed}
        assert {step for step, text in recipe.steps().items() if step not in taken and "Run `" not in text} == set()

    def test_steps_name_what_is_edited(self, recipe: Recipe) -> None:
        """Each step names just those files that the example edits there, and the folder of each that it writes."""
        for step in recipe.steps().keys() - recipe.not_needed.keys():
            new = recipe.new_files.get(step, {})
            assert recipe.files_named(step) - set(new) == set(recipe.changes.get(step, {})), step
            for path in new:
                assert any(f"`{folder}`" in recipe.steps()[step] for folder in Path(path).parents), path


@EACH
def test_what_the_recipe_runs_is_green(recipe: Recipe, tmp_path: Path) -> None:
    """After its steps, and no others."""
    tree = copied_tree(tmp_path / "tree")
    recipe.carry_out(tree)
    assert recipe.run(tree) == ""


def test_a_forgotten_row_is_noticed(tmp_path: Path) -> None:
    """What the recipe runs finds a feature that the recommender's page does not list."""
    tree = copied_tree(tmp_path / "tree")
    page = (tree / "docs" / "recommender.md").read_text(encoding="utf-8")
    OPERATOR.carry_out(tree)
    (tree / "docs" / "recommender.md").write_text(page, encoding="utf-8")
    assert "test_features" in OPERATOR.run(tree, without="operators/frames")
