"""The local model registry: the rules of Unity Catalog, seen through the real MLflow client."""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from mlflow.models import ModelSignature, infer_signature
from sklearn.linear_model import LogisticRegression

from lakehouse.paths import ROOT
from lakehouse.registry import acting_as, current_user, grant, install, revoke, set_owner, show_grants
from lakehouse.registry.addresses import database_uri

X = pd.DataFrame({"tenure": [1.0, 2.0, 3.0, 4.0]})
INTERN = "intern@example.com"
numbers = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def registry(home: Path) -> Path:
    """A home with the schemas main.reg and prod.reg; returns the home."""
    for catalog in ("main", "prod"):
        (home / "lake" / catalog / "reg").mkdir(parents=True, exist_ok=True)
    install(home)
    mlflow.set_experiment("registry")
    return home.resolve()


@pytest.fixture(autouse=True)
def platform_registry_uri():
    """Every test types what a learner types on Databricks."""
    mlflow.set_registry_uri("databricks-uc")


@pytest.fixture(scope="module")
def classifier() -> LogisticRegression:
    return LogisticRegression().fit(X, [0, 0, 1, 1])


@pytest.fixture(scope="module")
def signed(registry, classifier) -> str:
    """URI of a logged model that may be registered."""
    return log(classifier, infer_signature(X, classifier.predict(X)))


@pytest.fixture
def client() -> MlflowClient:
    return MlflowClient()


@pytest.fixture
def model(signed) -> str:
    """Name of a registered model with one version, new for each test."""
    name = f"main.reg.churn_{next(numbers)}"
    mlflow.register_model(signed, name)
    return name


def log(classifier: LogisticRegression, signature: ModelSignature | None) -> str:
    # Given requirements spare MLflow the process that infers them, which takes longer than all these tests.
    info = mlflow.sklearn.log_model(
        classifier,
        name="model",
        signature=signature,
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )
    return info.model_uri


def refusal(call, *args, **kwargs) -> RestException:
    """The error with which the platform's server refuses a call."""
    with pytest.raises(RestException) as caught:
        call(*args, **kwargs)
    return caught.value


def python(code: str, home: Path, **environment: str) -> subprocess.Popen[str]:
    """Another Python process on the same home, started and not waited for."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**inherited, "WORKBOOK_HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return printed.strip()


class TestInstall:
    def test_runs_and_artifacts_stay_in_home(self, registry):
        assert mlflow.get_tracking_uri() == database_uri(registry)
        artifacts = str(registry / "mlflow" / "artifacts")
        for name in ("Default", "registry"):
            assert mlflow.get_experiment_by_name(name).artifact_location.startswith(artifacts)

    @pytest.mark.parametrize("uri", ["databricks-uc", "databricks-uc://profile", ""])
    def test_every_spelling_of_the_registry_is_the_local_one(self, uri, model):
        mlflow.set_registry_uri(uri)
        assert mlflow.get_registry_uri().startswith("lakehouse-uc://")
        assert MlflowClient(registry_uri=uri or None).get_registered_model(model).name == model

    def test_again_changes_nothing(self, registry, model):
        before = mlflow.get_registry_uri(), mlflow.get_tracking_uri()
        install(registry)
        install()
        assert (mlflow.get_registry_uri(), mlflow.get_tracking_uri()) == before
        assert MlflowClient().get_registered_model(model).name == model

    def test_does_nothing_on_databricks(self, tmp_path):
        code = (
            "import os, sys; before = dict(os.environ)\n"
            "from lakehouse.registry import install; install()\n"
            "print('mlflow' in sys.modules, dict(os.environ) == before)"
        )
        assert output(python(code, tmp_path, DATABRICKS_RUNTIME_VERSION="18.0")) == "False True"
        assert list(tmp_path.iterdir()) == []


class TestSeveralProcesses:
    def test_two_install_and_register_at_once_on_a_fresh_home(self, tmp_path, signed):
        (tmp_path / "lake" / "main" / "reg").mkdir(parents=True)
        source = MlflowClient().get_logged_model(signed.removeprefix("models:/")).artifact_location
        code = (
            "from lakehouse.registry import install; install()\n"
            "import mlflow\n"
            f"for _ in range(3): mlflow.register_model({source!r}, 'main.reg.shared')\n"
            "client = mlflow.MlflowClient()\n"
            "print([e.name for e in client.search_experiments()], len(client.search_model_versions("
            "\"name = 'main.reg.shared'\")))\n"
        )
        printed = [output(process) for process in [python(code, tmp_path), python(code, tmp_path)]]
        assert all(line.startswith("['Default'] ") for line in printed)
        assert max(int(line.split()[-1]) for line in printed) == 6
        assert not (tmp_path / "mlflow" / "mlflow.db.new").exists()

    def test_an_alias_moved_by_a_script_is_seen_here(self, registry, model, signed, client):
        mlflow.register_model(signed, model)
        client.set_registered_model_alias(model, "Champion", 1)
        code = (
            "from lakehouse.registry import install; install()\n"
            "import mlflow; client = mlflow.MlflowClient()\n"
            f"print(client.get_model_version_by_alias({model!r}, 'Champion').version)\n"
            f"client.set_registered_model_alias({model!r}, 'Champion', 2)\n"
        )
        assert output(python(code, registry, MLFLOW_REGISTRY_URI="databricks-uc")) == "1"
        assert client.get_model_version_by_alias(model, "Champion").version == "2"

    def test_a_child_without_install_finds_the_models(self, registry, model, client):
        client.set_registered_model_alias(model, "Champion", 1)
        # As it is kept: plain MLflow does not know that the spelling does not matter.
        code = f"import mlflow; print(mlflow.MlflowClient().get_model_version_by_alias({model!r}, 'champion').version)"
        inherited = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
        assert output(python(code, registry, **inherited)) == "1"


class TestNames:
    @pytest.mark.parametrize("name", ["churn", "reg.churn", "main.reg.churn.v2", "main..churn"])
    def test_three_levels_are_mandatory(self, name, signed, client):
        for call in (lambda: mlflow.register_model(signed, name), lambda: client.get_registered_model(name)):
            error = refusal(call)
            assert error.error_code == "INVALID_PARAMETER_VALUE"
            assert "please specify all three levels of the model" in error.message

    def test_unknown_catalog_and_schema(self, signed):
        error = refusal(mlflow.register_model, signed, "lab.reg.churn")
        assert (error.error_code, error.message) == (
            "CATALOG_DOES_NOT_EXIST",
            "CATALOG_DOES_NOT_EXIST: Catalog 'lab' does not exist.",
        )
        error = refusal(mlflow.register_model, signed, "main.nowhere.churn")
        assert error.message == "SCHEMA_DOES_NOT_EXIST: Schema 'main.nowhere' does not exist."

    def test_unknown_model(self, client):
        error = refusal(client.get_registered_model, "main.reg.nobody")
        assert error.message == "RESOURCE_DOES_NOT_EXIST: Routine or Model 'main.reg.nobody' does not exist."

    def test_existing_model(self, model, client):
        assert refusal(client.create_registered_model, model).error_code == "RESOURCE_ALREADY_EXISTS"

    @pytest.mark.parametrize("name", ["two words", "tab\tbed", "a/b"])
    def test_characters_of_a_name(self, name, client):
        assert refusal(client.create_registered_model, f"main.reg.{name}").error_code == "INVALID_PARAMETER_VALUE"

    def test_case_does_not_matter(self, model, client):
        assert client.get_registered_model(model.upper()).name == model
        assert mlflow.pyfunc.load_model(f"models:/{model.upper()}/1").predict(X).tolist() == [0, 0, 1, 1]


class TestSignature:
    def test_missing(self, classifier):
        with pytest.raises(MlflowException, match="did not contain any signature metadata"):
            mlflow.register_model(log(classifier, None), "main.reg.unsigned")

    def test_inputs_only(self, classifier):
        inputs_only = ModelSignature(inputs=infer_signature(X).inputs)
        with pytest.raises(MlflowException, match="contained a signature that includes only inputs"):
            mlflow.register_model(log(classifier, inputs_only), "main.reg.half_signed")

    def test_refused_version_is_not_made(self, classifier, model, client):
        with pytest.raises(MlflowException, match="signature"):
            mlflow.register_model(log(classifier, None), model)
        assert len(client.search_model_versions(f"name = '{model}'")) == 1

    def test_source_that_is_no_model(self, model, client, tmp_path):
        with pytest.raises(MlflowException, match="Unable to load model metadata"):
            client.create_model_version(model, str(tmp_path))


class TestVersions:
    def test_log_model_registers(self, classifier, client):
        mlflow.sklearn.log_model(
            classifier,
            name="model",
            input_example=X,
            pip_requirements=["scikit-learn"],
            registered_model_name="main.reg.logged",
        )
        assert client.get_model_version("main.reg.logged", 1).status == "READY"

    def test_runs_uri_registers_and_keeps_the_run(self, classifier, client):
        with mlflow.start_run() as run:
            log(classifier, infer_signature(X, classifier.predict(X)))
        version = mlflow.register_model(f"runs:/{run.info.run_id}/model", "main.reg.from_run")
        assert client.get_model_version("main.reg.from_run", version.version).run_id == run.info.run_id

    def test_shape_of_a_version(self, model, signed, client):
        version = client.get_model_version(model, 1)
        assert version.version == "1"
        assert version.current_stage is None
        assert f"models:/{version.model_id}" == signed

    def test_versions_given_as_int_or_text(self, model, client):
        for version in (1, "1"):
            assert client.get_model_version(model, version).version == "1"
            client.update_model_version(model, version, f"described by {version!r}")
            client.set_model_version_tag(model, version, "status", version)
            client.set_registered_model_alias(model, "Champion", version)
            client.delete_model_version_tag(model, version, "status")

    def test_number_of_a_deleted_version_is_not_given_again(self, model, signed, client):
        mlflow.register_model(signed, model)
        client.set_registered_model_alias(model, "Challenger", 2)
        client.delete_model_version(model, 2)
        assert client.get_registered_model(model).aliases == {}
        assert mlflow.register_model(signed, model).version == "3"
        with pytest.raises(MlflowException, match="not found") as caught:
            client.get_model_version(model, 2)
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"

    def test_deleting_a_model_deletes_its_versions(self, model, signed, client):
        client.set_registered_model_alias(model, "Champion", 1)
        client.delete_registered_model(model)
        assert refusal(client.get_model_version, model, 1).error_code == "RESOURCE_DOES_NOT_EXIST"
        assert mlflow.register_model(signed, model).version == "1"
        assert client.get_registered_model(model).aliases == {}

    @pytest.mark.parametrize("suffix", ["/1", "@Champion"])
    def test_load(self, suffix, model, client):
        client.set_registered_model_alias(model, "Champion", 1)
        uri = f"models:/{model}{suffix}"
        assert mlflow.pyfunc.load_model(uri).predict(X).tolist() == [0, 0, 1, 1]
        assert isinstance(mlflow.sklearn.load_model(uri), LogisticRegression)

    def test_rename_takes_a_bare_name(self, model, client):
        client.set_registered_model_alias(model, "Champion", 1)
        client.set_registered_model_tag(model, "task", "churn")
        grant("EXECUTE", model, INTERN)
        assert refusal(client.rename_registered_model, model, "main.reg.bad").error_code == "INVALID_PARAMETER_VALUE"
        client.rename_registered_model(model, "Renamed")
        assert client.get_model_version_by_alias("main.reg.renamed", "Champion").version == "1"
        assert client.get_registered_model("main.reg.renamed").tags == {"task": "churn"}
        assert [row.principal for row in show_grants("main.reg.renamed")] == [INTERN]
        assert refusal(client.get_registered_model, model).error_code == "RESOURCE_DOES_NOT_EXIST"


class TestCopy:
    def test_across_catalogs(self, model, client):
        client.set_model_version_tag(model, 1, "validation_status", "PASSED")
        client.set_registered_model_alias(model, "Champion", 1)
        target = model.replace("main.", "prod.", 1)
        copied = client.copy_model_version(f"models:/{model}@Champion", target)
        assert (copied.name, copied.version) == (target, "1")
        assert copied.tags == {"validation_status": "PASSED"}
        assert copied.run_id == client.get_model_version(model, 1).run_id
        assert client.get_registered_model(target).aliases == {}
        assert mlflow.pyfunc.load_model(f"models:/{target}/1").predict(X).tolist() == [0, 0, 1, 1]
        assert client.copy_model_version(f"models:/{model}/1", target).version == "2"

    def test_target_must_exist_in_the_catalog(self, model, client):
        error = refusal(client.copy_model_version, f"models:/{model}/1", "prod.nowhere.churn")
        assert error.error_code == "SCHEMA_DOES_NOT_EXIST"


class TestAliases:
    def test_move_and_delete(self, model, signed, client):
        mlflow.register_model(signed, model)
        client.set_registered_model_alias(model, "Champion", 1)
        client.set_registered_model_alias(model, "Champion", 2)
        assert client.get_model_version(model, 1).aliases == []
        assert client.get_model_version(model, 2).aliases == ["champion"]
        client.delete_registered_model_alias(model, "Champion")
        assert client.get_registered_model(model).aliases == {}

    @pytest.mark.parametrize("spelling", ["Champion", "champion", "CHAMPION"])
    def test_is_kept_in_lower_case_and_found_in_any_spelling(self, spelling, model, client):
        client.set_registered_model_alias(model, "Champion", 1)
        assert client.get_registered_model(model).aliases == {"champion": "1"}
        assert client.get_model_version_by_alias(model, spelling).aliases == ["champion"]
        assert mlflow.pyfunc.load_model(f"models:/{model}@{spelling}") is not None
        client.delete_registered_model_alias(model, spelling)
        assert client.get_registered_model(model).aliases == {}

    def test_two_spellings_are_one_alias(self, model, signed, client):
        mlflow.register_model(signed, model)
        client.set_registered_model_alias(model, "Champion", 1)
        client.set_registered_model_alias(model, "CHAMPION", 2)
        assert client.get_model_version(model, 1).aliases == []
        assert client.get_model_version_by_alias(model, "champion").version == "2"

    def test_an_alias_that_is_not_set_is_refused_as_it_was_written(self, model, client):
        error = refusal(client.get_model_version_by_alias, model, "Champion")
        assert error.message == "RESOURCE_DOES_NOT_EXIST: Registered Model Alias 'Champion' does not exist."

    def test_aliases_of_an_older_registry_are_folded(self, model, signed, client, home):
        mlflow.register_model(signed, model)
        database = home / "mlflow" / "mlflow.db"
        rows = [("Champion", 1), ("CHAMPION", 2), ("Challenger", 2), ("challenger", 1), ("backup", 1)]
        with closing(sqlite3.connect(database)) as connection, connection:
            columns = "(alias, version, name)"
            for alias, version in rows:
                connection.execute(
                    f"INSERT INTO registered_model_aliases {columns} VALUES (?, ?, ?)", (alias, version, model)
                )
        install()
        assert client.get_registered_model(model).aliases == {"backup": "1", "champion": "2", "challenger": "1"}

    @pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "V42"])
    def test_reserved(self, alias, model, client):
        with pytest.raises(MlflowException, match="reserved"):
            client.set_registered_model_alias(model, alias, 1)

    def test_needs_an_existing_version(self, model, client):
        with pytest.raises(MlflowException, match="not found"):
            client.set_registered_model_alias(model, "Champion", 9)


class TestTagsAndDescriptions:
    def test_set_and_delete(self, model, client):
        client.set_registered_model_tag(model, "task", "churn")
        client.set_model_version_tag(model, 1, "validation_status", "PASSED")
        client.update_registered_model(model, "Churn of small customers")
        client.update_model_version(model, 1, "First try")
        assert client.get_registered_model(model).tags == {"task": "churn"}
        assert client.get_registered_model(model).description == "Churn of small customers"
        assert client.get_model_version(model, 1).tags == {"validation_status": "PASSED"}
        assert client.get_model_version(model, 1).description == "First try"
        client.delete_registered_model_tag(model, "task")
        client.delete_model_version_tag(model, 1, "validation_status")
        assert client.get_registered_model(model).tags == client.get_model_version(model, 1).tags == {}

    @pytest.mark.parametrize(
        ("key", "value"), [("a.b", "1"), ("a:b", "1"), (" a", "1"), ("a", "1 "), ("a", "1" * 1001)]
    )
    def test_constraints(self, key, value, model, client):
        assert refusal(client.set_registered_model_tag, model, key, value).error_code == "INVALID_PARAMETER_VALUE"
        assert refusal(client.set_model_version_tag, model, 1, key, value).error_code == "INVALID_PARAMETER_VALUE"

    def test_at_most_fifty(self, client):
        tags = {f"tag{number}": "1" for number in range(50)}
        client.create_registered_model("main.reg.fifty", tags)
        client.set_registered_model_tag("main.reg.fifty", "tag0", "changed")
        assert refusal(client.set_registered_model_tag, "main.reg.fifty", "one_more", "1").error_code == (
            "INVALID_PARAMETER_VALUE"
        )


class TestUnsupported:
    @pytest.mark.filterwarnings("ignore::FutureWarning")
    def test_stages(self, model, client):
        with pytest.raises(
            MlflowException, match="'transition_model_version_stage' is unsupported for models in the Un"
        ):
            client.transition_model_version_stage(model, 1, "Production")
        with pytest.raises(
            MlflowException, match="'get_latest_versions' is unsupported for models in the Unity Catalog"
        ):
            client.get_latest_versions(model)

    @pytest.mark.filterwarnings("ignore::FutureWarning")
    @pytest.mark.parametrize("stage", ["Production", "staging", "latest"])
    def test_stage_uri(self, stage, model):
        with pytest.raises(MlflowException, match="is unsupported for models in the Unity Catalog"):
            mlflow.pyfunc.load_model(f"models:/{model}/{stage}")

    def test_webhooks(self, client):
        with pytest.raises(NotImplementedError, match="deployment job"):
            client.create_webhook("hook", "https://example.com", ["model_version.created"])
        with pytest.raises(NotImplementedError, match="does not support list_webhooks"):
            client.list_webhooks()

    def test_deployment_job_is_not_silently_dropped(self, client):
        with pytest.raises(MlflowException, match="deployment_job_id"):
            client.create_registered_model("main.reg.with_job", deployment_job_id="1")


class TestSearch:
    def test_models_take_neither_filter_nor_order(self, model, client):
        assert model in [found.name for found in client.search_registered_models()]
        with pytest.raises(MlflowException, match="Argument 'filter_string' is unsupported"):
            client.search_registered_models(f"name = '{model}'")
        with pytest.raises(MlflowException, match="Argument 'order_by' is unsupported"):
            client.search_registered_models(order_by=["name"])

    def test_pages(self, model, client):
        names, token = [], None
        while token is not None or not names:
            page = client.search_registered_models(max_results=1, page_token=token)
            names += [found.name for found in page]
            token = page.token
        assert model in names
        assert len(names) == len(set(names)) == len(mlflow.search_registered_models())

    def test_versions_of_one_model(self, model, signed, client):
        mlflow.register_model(signed, model)
        found = mlflow.search_model_versions(filter_string=f"name = '{model}'")
        assert sorted(version.version for version in found) == ["1", "2"]
        with pytest.raises(Exception, match="do not have aliases"):
            found[0].aliases()

    @pytest.mark.parametrize(
        "wanted",
        ["name LIKE 'main.%'", "tags.status = 'ok'", "name = 'a.b.c' AND tags.status = 'ok'", "name != 'a.b.c'"],
    )
    def test_other_filters_are_refused(self, wanted, client):
        error = refusal(client.search_model_versions, wanted)
        assert error.message.startswith(f"INVALID_PARAMETER_VALUE: Unsupported filter query : `{wanted}`.")

    def test_versions_need_a_filter_and_take_no_order(self, model, client):
        assert "Missing filter" in refusal(client.search_model_versions).message
        with pytest.raises(MlflowException, match="Argument 'order_by' is unsupported"):
            client.search_model_versions(f"name = '{model}'", order_by=["version_number DESC"])


class TestGrants:
    @pytest.fixture(autouse=True)
    def clean(self, registry):
        """Grants on catalogs and schemas outlive a test's model: take them away."""
        yield
        for securable in ("main", "main.reg", "prod", "prod.reg"):
            set_owner(securable, current_user())
            for row in show_grants(securable):
                if row.object_key == securable:
                    revoke(row.action_type, securable, row.principal)

    @pytest.fixture
    def visitor(self) -> str:
        """A principal who may enter main.reg and nothing else."""
        grant("USE CATALOG", "main", INTERN)
        grant("USE SCHEMA", "main.reg", INTERN)
        return INTERN

    def denied(self, call, *args) -> str:
        error = refusal(call, *args)
        assert error.error_code == "PERMISSION_DENIED"
        return error.message.removeprefix("PERMISSION_DENIED: ")

    def test_the_chain_to_load(self, model, client):
        steps = [
            ("USE CATALOG", "main", "Catalog 'main'"),
            ("USE SCHEMA", "main.reg", "Schema 'main.reg'"),
            ("EXECUTE", model, f"Routine or Model '{model}'"),
        ]
        for privilege, securable, shown in steps:
            with acting_as(INTERN):
                message = self.denied(mlflow.pyfunc.load_model, f"models:/{model}/1")
            assert message == f"User does not have {privilege} on {shown}."
            grant(privilege, securable, INTERN)
        with acting_as(INTERN):
            assert mlflow.pyfunc.load_model(f"models:/{model}/1").predict(X).tolist() == [0, 0, 1, 1]

    def test_reading_does_not_let_write(self, visitor, model, signed, client):
        grant("EXECUTE", model, visitor)
        with acting_as(visitor):
            for needed, call in [
                ("CREATE MODEL VERSION", lambda: mlflow.register_model(signed, model)),
                ("CREATE MODEL", lambda: mlflow.register_model(signed, "main.reg.by_intern")),
                ("APPLY TAG", lambda: client.set_registered_model_tag(model, "a", "b")),
                ("APPLY TAG", lambda: client.set_model_version_tag(model, 1, "a", "b")),
                ("MANAGE", lambda: client.set_registered_model_alias(model, "Champion", 1)),
                ("MANAGE", lambda: client.update_registered_model(model, "mine")),
                ("MANAGE", lambda: client.update_model_version(model, 1, "mine")),
                ("MANAGE", lambda: client.delete_model_version(model, 1)),
                ("MANAGE", lambda: client.delete_registered_model(model)),
                ("MANAGE", lambda: client.rename_registered_model(model, "mine")),
                ("MANAGE", lambda: grant("EXECUTE", model, "friend@example.com")),
            ]:
                assert f"User does not have {needed} on" in self.denied(call)

    @pytest.mark.parametrize(
        ("privilege", "allowed"),
        [
            ("CREATE_MODEL_VERSION", lambda client, model, uri: mlflow.register_model(uri, model)),
            ("apply tag", lambda client, model, uri: client.set_model_version_tag(model, 1, "a", "b")),
            ("APPLY TAG", lambda client, model, uri: client.delete_model_version_tag(model, 1, "old")),
            ("APPLY TAG", lambda client, model, uri: client.set_registered_model_tag(model, "a", "b")),
            ("APPLY TAG", lambda client, model, uri: client.delete_registered_model_tag(model, "old")),
            ("MANAGE", lambda client, model, uri: client.set_registered_model_alias(model, "Champion", 1)),
            ("MANAGE", lambda client, model, uri: client.delete_registered_model_alias(model, "Old")),
            ("MANAGE", lambda client, model, uri: client.update_model_version(model, 1, "described")),
            ("MANAGE", lambda client, model, uri: client.update_registered_model(model, "described")),
            ("MANAGE", lambda client, model, uri: client.delete_model_version(model, 1)),
        ],
    )
    def test_each_privilege_opens_its_door_and_no_other_is_needed(
        self, privilege, allowed, visitor, model, signed, client
    ):
        client.set_registered_model_tag(model, "old", "1")
        client.set_model_version_tag(model, 1, "old", "1")
        client.set_registered_model_alias(model, "Old", 1)
        with acting_as(visitor):
            self.denied(allowed, client, model, signed)
        grant(privilege, model, visitor)
        with acting_as(visitor):
            allowed(client, model, signed)
            # Writing does not let read.
            assert "EXECUTE" in self.denied(client.get_registered_model, model)

    def test_a_write_to_what_is_not_there_says_so(self, visitor, client):
        with acting_as(visitor):
            error = refusal(client.set_registered_model_alias, "main.reg.nobody", "Champion", 1)
        assert error.error_code == "RESOURCE_DOES_NOT_EXIST"

    def test_who_creates_a_model_owns_it(self, visitor, signed, client):
        grant("CREATE MODEL", "main.reg", visitor)
        with acting_as(visitor):
            mlflow.register_model(signed, "main.reg.owned")
            client.set_registered_model_alias("main.reg.owned", "Champion", 1)
            grant("EXECUTE", "main.reg.owned", "friend@example.com")
        set_owner("main.reg.owned", "team@example.com")
        with acting_as(visitor):
            assert "EXECUTE" in self.denied(client.get_registered_model, "main.reg.owned")

    def test_inheritance_and_revoke(self, visitor, model, client):
        grant("EXECUTE", "main", visitor)
        with acting_as(visitor):
            assert client.get_registered_model(model).name == model
        revoke("EXECUTE", model, visitor)
        with acting_as(visitor):
            assert client.get_registered_model(model).name == model
        revoke("EXECUTE", "main", visitor)
        with acting_as(visitor):
            self.denied(client.get_registered_model, model)

    def test_all_privileges_are_all_but_manage(self, visitor, model, signed, client):
        grant("ALL PRIVILEGES", model, visitor)
        with acting_as(visitor):
            mlflow.register_model(signed, model)
            client.set_registered_model_tag(model, "a", "b")
            assert "MANAGE" in self.denied(client.set_registered_model_alias, model, "Champion", 1)

    def test_owner_of_the_schema_manages_but_does_not_read(self, visitor, model, client):
        set_owner("main.reg", visitor)
        with acting_as(visitor):
            assert "EXECUTE" in self.denied(client.get_model_version, model, 1)
            grant("EXECUTE", model, visitor)
            assert client.get_model_version(model, 1).version == "1"

    def test_account_users_means_everybody(self, model, client):
        for privilege, securable in [("USE CATALOG", "main"), ("USE SCHEMA", "main.reg"), ("EXECUTE", model)]:
            grant(privilege, securable, "account users")
        with acting_as("stranger@example.com"):
            assert client.get_registered_model(model).name == model

    def test_copy_needs_the_source_and_the_target(self, visitor, model, client):
        target = model.replace("main.", "prod.", 1)
        with acting_as(visitor), pytest.raises(MlflowException, match="does not have EXECUTE on"):
            client.copy_model_version(f"models:/{model}/1", target)
        grant("EXECUTE", model, visitor)
        client.copy_model_version(f"models:/{model}/1", target)
        grant("USE CATALOG", "prod", visitor)
        grant("USE SCHEMA", "prod.reg", visitor)
        with acting_as(visitor), pytest.raises(MlflowException, match="does not have CREATE MODEL VERSION on"):
            client.copy_model_version(f"models:/{model}/1", target)
        grant("CREATE MODEL VERSION", target, visitor)
        with acting_as(visitor):
            assert client.copy_model_version(f"models:/{model}/1", target).version == "2"
            # Who may add a version may not yet load it.
            assert "EXECUTE" in self.denied(mlflow.pyfunc.load_model, f"models:/{target}/2")

    def test_search_shows_what_one_may_see(self, visitor, model, client):
        client.create_registered_model("main.reg.a_hidden_one")
        with acting_as(visitor):
            assert model not in [found.name for found in client.search_registered_models()]
        grant("EXECUTE", model, visitor)
        with acting_as(visitor):
            visible = [found.name for found in client.search_registered_models()]
            page = client.search_registered_models(max_results=1)
        assert model in visible
        assert "main.reg.a_hidden_one" not in visible
        # It is the first by name, and takes no room on a page.
        assert [found.name for found in page] == visible[:1]

    def test_show_grants(self, visitor, model):
        grant("EXECUTE", model, visitor)
        grant("APPLY TAG", model, "stewards")
        assert show_grants(model) == [
            (visitor, "EXECUTE", "FUNCTION", model),
            ("stewards", "APPLY TAG", "FUNCTION", model),
            (visitor, "USE SCHEMA", "SCHEMA", "main.reg"),
            (visitor, "USE CATALOG", "CATALOG", "main"),
        ]
        assert [row.action_type for row in show_grants(model, "stewards")] == ["APPLY TAG"]

    def test_a_new_model_of_an_old_name_has_no_grants(self, visitor, model, signed, client):
        grant("EXECUTE", model, visitor)
        client.delete_registered_model(model)
        mlflow.register_model(signed, model)
        with acting_as(visitor):
            self.denied(client.get_registered_model, model)

    def test_bad_grants(self, model):
        with pytest.raises(ValueError, match="privilege='SELECT' is unknown"):
            grant("SELECT", model, INTERN)
        error = refusal(grant, "USE CATALOG", model, INTERN)
        assert f"Privilege USE CATALOG is not applicable to this entity [{model}:FUNCTION]" in error.message
        assert refusal(grant, "EXECUTE", "main.reg.nobody", INTERN).error_code == "RESOURCE_DOES_NOT_EXIST"
        with pytest.raises(ValueError, match="principal"), acting_as(""):
            pass

    def test_acting_as_ends_with_the_block(self, model):
        learner = current_user()
        with acting_as(INTERN):
            assert current_user() == INTERN
            with acting_as("friend@example.com"):
                self.denied(mlflow.pyfunc.load_model, f"models:/{model}/1")
            assert current_user() == INTERN
        assert current_user() == learner


def test_arrays_load_too(classifier):
    """A signature of tensors is a signature."""
    values = X.to_numpy()
    uri = log(classifier, infer_signature(values, classifier.predict(values)))
    assert mlflow.register_model(uri, "main.reg.tensors").version == "1"
    assert np.array_equal(mlflow.pyfunc.load_model("models:/main.reg.tensors/1").predict(values), [0, 0, 1, 1])
