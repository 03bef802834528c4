"""`kedro fleet plan`: what it tells to do next."""

from distributed_automl.cli import fleet
from distributed_automl.commands.plan import command_to_train


def test_when_a_plan_was_printed_then_the_command_that_carries_it_out_means_the_same_table_and_parameters() -> None:
    assert command_to_train(None, {}) == "kedro run --pipelines=train --from-inputs=master_df"
    params = {"plan": {"refit": "all"}, "run": {"limits": {"seconds": 9}}}
    assert command_to_train("cluster", params) == (
        "kedro run --env=cluster --pipelines=train --from-inputs=master_df --params=plan.refit=all,run.limits.seconds=9"
    )
    typed = {"problem": {"season": None}, "automl": {"ensemble": {"enabled": False}}}
    assert command_to_train(None, typed).endswith("--params=problem.season=null,automl.ensemble.enabled=false")
    assert command_to_train(None, {}, {"master_df": "2026-01-01T00.00.00.000Z"}, "my conf") == (
        "kedro run --pipelines=train --from-inputs=master_df --load-versions=master_df:2026-01-01T00.00.00.000Z "
        "'--conf-source=my conf'"
    )


def test_when_a_command_is_about_the_fleet_then_its_options_are_those_of_kedro_run() -> None:
    options = {option for parameter in fleet.commands["plan"].params for option in parameter.opts}
    assert {"--env", "-e", "--params", "--from-inputs", "--load-versions"} <= options
    assert "--pipelines" not in options
