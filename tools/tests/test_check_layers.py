"""Each rule of check_layers.py, shown on a small tree that breaks it."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check_layers  # noqa: E402

LAYERS = """
# comment
base:
platform/fs:      base
platform/engine:  base
stores/tables:    base platform/*

owners:
duckdb:           platform/engine
fmt/:             *
gtest/:           tests
"""


@pytest.fixture
def tree(tmp_path):
    class Tree:
        def put(self, name, *lines):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
            return self

        def problems(self):
            return check_layers.Check(tmp_path).run()

    made = Tree()
    made.put("LAYERS", LAYERS)
    made.put("base/error.h", "#pragma once", "#include <string>", "#include <fmt/core.h>")
    made.put("platform/fs/file.h", '#include "base/error.h"', "#include <unistd.h>")
    return made


def test_arrows_that_point_down_are_fine(tree):
    tree.put("stores/tables/store.cc", '#include "platform/fs/file.h"', '#include "base/error.h"')
    assert tree.problems() == []


def test_an_arrow_that_is_not_allowed_is_found(tree):
    tree.put("base/error.cc", '#include "base/error.h"', '#include "platform/fs/file.h"')
    assert tree.problems() == ["src/base/error.cc:2: base may not include platform/fs (platform/fs/file.h)"]


def test_a_neighbour_that_is_not_named_is_found(tree):
    tree.put("platform/engine/engine.cc", '#include "platform/fs/file.h"')
    assert "platform/engine may not include platform/fs" in tree.problems()[0]


def test_a_folder_that_is_not_listed_is_found(tree):
    tree.put("stores/graphs/graph.cc", "#include <vector>")
    assert tree.problems() == ["src/stores/graphs/graph.cc: its folder is not listed in src/LAYERS"]


def test_a_list_that_allows_a_cycle_is_found(tree):
    tree.put("LAYERS", LAYERS.replace("base:\n", "base: platform/fs\n"))
    assert tree.problems() == ["LAYERS: base may not name platform/fs, which stands on or above its own layer"]


def test_a_third_party_header_outside_its_owner_is_found(tree):
    tree.put("stores/tables/store.cc", "#include <duckdb.hpp>")
    assert tree.problems() == [
        "src/stores/tables/store.cc:1: <duckdb.hpp> belongs to platform/engine, not to stores/tables"]


def test_quotes_do_not_hide_a_third_party_header(tree):
    tree.put("stores/tables/store.cc", '#include "duckdb/main/client_context.hpp"')
    assert "belongs to platform/engine" in tree.problems()[0]


def test_a_third_party_header_without_owner_is_found(tree):
    tree.put("base/error.cc", "#include <curl/curl.h>")
    assert "no owner is named for <curl/curl.h>" in tree.problems()[0]


def test_a_test_header_is_for_tests_only(tree):
    tree.put("base/tests/error_test.cc", "#include <gtest/gtest.h>")
    assert tree.problems() == []
    tree.put("base/error.cc", "#include <gtest/gtest.h>")
    assert "belongs to tests, not to base" in tree.problems()[0]


def test_a_third_party_header_behind_a_public_header_is_found(tree):
    tree.put("platform/engine/internal.h", "#include <duckdb.hpp>")
    tree.put("platform/engine/engine.cc", '#include "platform/engine/internal.h"')
    assert tree.problems() == []
    tree.put("platform/engine/engine.h", '#include "platform/engine/internal.h"')
    tree.put("stores/tables/store.cc", '#include "platform/engine/engine.h"')
    assert tree.problems() == ["src/platform/engine/internal.h:1: other folders include this header, "
                               "so it may not include <duckdb.hpp>"]


def test_a_header_may_be_listed_as_shown(tree):
    tree.put("platform/engine/engine.h", "#include <duckdb/common/types.hpp>", "#include <duckdb.hpp>")
    tree.put("stores/tables/store.cc", '#include "platform/engine/engine.h"')
    tree.put("LAYERS", LAYERS + "\nshown:\nplatform/engine/engine.h: duckdb/common/\n")
    assert tree.problems() == ["src/platform/engine/engine.h:2: other folders include this header, "
                               "so it may not include <duckdb.hpp>"]


def test_a_dependency_of_the_build_that_is_not_allowed_is_found(tree):
    tree.put("platform/fs/CMakeLists.txt", "insula_module(TESTS core DEPS base platform/engine LIBS fmt::fmt)")
    assert tree.problems() == ["src/platform/fs/CMakeLists.txt: platform/fs may not depend on platform/engine"]


def test_a_header_that_does_not_exist_is_found(tree):
    tree.put("base/error.cc", '#include "base/eror.h"')
    assert tree.problems() == ["src/base/error.cc:1: base/eror.h does not exist"]


def test_the_command_fails_on_a_problem(tree, tmp_path, capsys):
    assert check_layers.main([tmp_path]) == 0
    tree.put("base/error.cc", '#include "platform/fs/file.h"')
    assert check_layers.main([tmp_path]) == 1
    assert "base may not include platform/fs" in capsys.readouterr().out
