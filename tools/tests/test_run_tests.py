"""The test runner counts what happened, and a program that dies counts as a failure."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import run_tests  # noqa: E402

PASSES = """[ RUN      ] Journal.IsRead
[       OK ] Journal.IsRead (0 ms)
[ RUN      ] Sizes/Journal.IsCut/3
[       OK ] Sizes/Journal.IsCut/3 (12 ms)
[  PASSED  ] 2 tests.
"""
FAILS = """[ RUN      ] Journal.IsRead
journal_test.cc:3: Failure
[  FAILED  ] Journal.IsRead (0 ms)
[ RUN      ] Journal.IsLeftOut
[  SKIPPED ] Journal.IsLeftOut (0 ms)
[  FAILED  ] Sizes/Journal.IsCut/1, where GetParam() = 4 (1 ms)
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Journal.IsLeftOut
[  FAILED  ] 2 tests, listed below:
[  FAILED  ] Journal.IsRead
[  FAILED  ] Sizes/Journal.IsCut/1, where GetParam() = 4
"""


def test_passed_tests_are_counted_once():
    assert run_tests.read_gtest_output("core_tests", 0, PASSES).line() == "2 passed, 0 failed, 0 skipped"


def test_failed_and_skipped_tests_are_counted_once():
    tally = run_tests.read_gtest_output("core_tests", 1, FAILS)
    assert tally.line() == "0 passed, 2 failed, 1 skipped"
    assert tally.failures == ["core_tests: Journal.IsRead", "core_tests: Sizes/Journal.IsCut/1"]


def test_a_crash_is_a_failure_of_the_test_that_ran():
    tally = run_tests.read_gtest_output("core_tests", -11, PASSES + "[ RUN      ] Journal.Dies\n")
    assert tally.line() == "2 passed, 1 failed, 0 skipped"
    assert "Journal.Dies did not end" in tally.failures[0]


def test_a_failure_after_the_last_test_is_a_failure():
    assert run_tests.read_gtest_output("core_tests", 1, PASSES).failed == 1


def test_a_program_without_tests_is_a_failure():
    assert run_tests.read_gtest_output("core_tests", 0, "").failed == 1


LISTING = {"tests": [{"name": "core_tests", "command": ["build/core_tests"]}, {"name": "engine_tests"}]}


def test_a_program_that_is_not_built_is_missing():
    assert run_tests.unit_programs(LISTING, []) == (["build/core_tests"], ["engine_tests"])


def test_a_program_that_nobody_asked_for_need_not_be_built():
    assert run_tests.unit_programs(LISTING, ["core_tests"]) == (["build/core_tests"], [])


def test_a_program_that_is_asked_for_and_not_registered_is_missing():
    assert run_tests.unit_programs(LISTING, ["core_tests", "net_tests"])[1] == ["net_tests"]


def test_sweeps_are_left_out_under_the_thread_sanitizer_alone():
    assert run_tests.filter_arguments("tables_tests", "thread")[0].startswith("--gtest_filter=-StoreCrash.*")
    assert run_tests.filter_arguments("tables_tests", "address") == []
    assert run_tests.filter_arguments("core_tests", "thread") == []


def test_a_command_that_hangs_is_ended():
    code, output = run_tests.run([sys.executable, "-c", "import time; time.sleep(60)"], seconds_max=0.2)
    assert code != 0 and "stopped after" in output
