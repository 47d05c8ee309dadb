"""``clvkit serve`` in a process of its own, with good requests and bad ones."""

import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests

from clvkit.cli import main
from clvkit.datasets import load_cdnow
from clvkit.errors import OutputError
from clvkit.serving import model_record, serve
from clvkit.tracking._mlflow_models import save_model

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
COLUMNS = ["customer_id", "date", "amount"]


@pytest.fixture(scope="module")
def server(serving, btyd, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "model"
    btyd.save(folder)
    with serving(folder) as served:
        yield served


@pytest.fixture(scope="module")
def url(server):
    return server[0]


@pytest.fixture(scope="module")
def lines():
    """100,000 lines: the CDNOW log of many shops, dates as text."""
    log = load_cdnow()
    shops = [log.assign(customer_id=log["customer_id"] + 10_000 * shop) for shop in range(15)]
    lines = pd.concat(shops, ignore_index=True)[COLUMNS].head(100_000)
    return lines.assign(date=lines["date"].astype(str))


def body_of(lines, **params):
    split = lines.to_dict("split", index=False)
    return json.dumps({"dataframe_split": split, "params": params}).encode()


def post(url, body, kind=JSON):
    headers = {} if kind is None else {"Content-Type": kind}
    return requests.post(url, data=body, headers=headers, timeout=60)


def no_number(text):
    raise AssertionError(f"{text} is no JSON")


def answer(response):
    assert response.status_code == 200, response.text[:500]
    return pd.DataFrame(json.loads(response.text, parse_constant=no_number)["predictions"])


def close(left, right):
    pd.testing.assert_frame_equal(left, right, rtol=1e-12, atol=1e-12, check_dtype=False)


# --- good requests ----------------------------------------------------------------------------


def test_the_answer_is_what_the_model_says(url, btyd, lines):
    want = btyd.predict_customers(lines.head(1000)).reset_index()
    got = answer(post(url, body_of(lines.head(1000))))
    assert list(got.columns) == ["customer_id", "clv", "lower", "upper", "expected_purchases",
                                 "probability_alive", "segment"]  # fmt: skip
    close(got, want)
    assert (got["lower"] <= got["clv"]).all()
    assert (got["clv"] <= got["upper"]).all()


def test_cutoff_and_coverage_are_parameters(url, btyd, lines):
    got = answer(post(url, body_of(lines.head(1000), cutoff="1998-12-31", coverage=0.5)))
    close(got, btyd.predict_customers(lines.head(1000), "1998-12-31", 0.5).reset_index())


def test_requests_may_be_csv_or_parquet(url, btyd, lines):
    some = lines.head(1000)
    parquet = io.BytesIO()
    some.to_parquet(parquet, index=False)
    want = btyd.predict_customers(some).reset_index()
    close(answer(post(url, some.to_csv(index=False).encode(), CSV)), want)
    close(answer(post(url, parquet.getvalue(), PARQUET)), want)


def test_it_tells_that_it_is_well(url):
    assert requests.get(url.replace("invocations", "ping"), timeout=10).status_code == 200


# --- bad requests -----------------------------------------------------------------------------


def line(**changes):
    row = {"customer_id": 1, "date": "1998-01-03", "amount": 2.0} | changes
    return json.dumps({"dataframe_records": [row]}).encode()


def with_params(params):
    return json.dumps({**json.loads(line()), "params": params}).encode()


def nested(depth, opening="[", closing="]"):
    """An amount within lists, of a depth that the parser of JSON still takes."""
    return line(amount="deep").replace(b'"deep"', f"{opening * depth}1{closing * depth}".encode())


#: Content type, body, status, and a part of the message.
BAD = {
    "empty": (JSON, b"", 400, "valid JSON"),
    "half": (JSON, b'{"dataframe_records": [', 400, "valid JSON"),
    "no text": (JSON, b"\xff\xfe\x00", 400, "valid JSON"),
    "list": (JSON, b"[1, 2]", 400, "JSON dictionary"),
    "number": (JSON, b"3", 400, "JSON dictionary"),
    "other key": (JSON, b'{"rows": []}', 400, "JSON dictionary"),
    "no rows": (JSON, b'{"dataframe_records": []}', 400, "no column 'customer_id'"),
    "records no list": (JSON, b'{"dataframe_records": 3}', 400, "list of records"),
    "ragged": (JSON, b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', 400, "split"),
    "array": (JSON, b'{"instances": [[1, 2, 3]]}', 400, "a request must be a table"),
    "path": (JSON, b'{"inputs": "/etc/hostname"}', 400, "a request must be a table"),
    "path of a log": (JSON, b'{"messages": [], "transactions": "a.csv"}', 400, "must be a table"),
    "deep": (JSON, b"[" * 100_000, 400, "nested too deeply"),
    "column": (JSON, b'{"dataframe_records": [{"customer_id": 1}]}', 400, "no column 'date'"),
    "date": (JSON, line(date="3/4/2011"), 400, "cannot be read as dates"),
    "no date": (JSON, line(date=None), 400, "has no date in 1 of 1 rows"),
    "date number": (JSON, line(date=5), 400, "not dates"),
    "amount": (JSON, line(amount="a lot"), 400, "not numbers"),
    "amount nan": (JSON, line(amount=float("nan")), 400, "not finite"),
    "amount infinite": (JSON, line(amount=float("inf")), 400, "not finite"),
    "amount dict": (JSON, line(amount={"eur": 1}), 400, "not numbers"),
    "amount deep": (JSON, nested(900), 400, "lists or records within others"),
    "amount records": (JSON, nested(300, '{"a": ', "}"), 400, "lists or records within others"),
    "customer list": (JSON, line(customer_id=[1]), 400, "cannot name a customer"),
    "customer": (JSON, line(customer_id=None), 400, "no row of the log names a customer"),
    "coverage": (JSON, with_params({"coverage": 90}), 400, "0.9 is 90 %"),
    "coverage text": (JSON, with_params({"coverage": "high"}), 400, "coverage"),
    "cutoff": (JSON, with_params({"cutoff": "soon"}), 400, "Give a day such as cutoff"),
    "early": (JSON, with_params({"cutoff": "1990-01-01"}), 400, "no event is left"),
    "parameter": (JSON, with_params({"cut_off": "1998-12-31"}), 400, "'cut_off' are not known"),
    "parameters": (JSON, with_params([1]), 400, "must be a dictionary"),
    "csv": (CSV, b"", 400, "CSV"),
    "csv column": (CSV, b"a,b\n1,2\n", 400, "no column 'customer_id'"),
    "parquet": (PARQUET, b"PAR1", 400, "Parquet"),
    "type": ("text/xml", b"<log/>", 415, "content types"),
    "no type": (None, line(), 415, "Content-Type"),
    "charset": ("application/json; charset=latin1", line(), 415, "UTF-8"),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_a_bad_request_is_told_what_is_wrong(url, kind):
    content_type, body, status, message = BAD[kind]
    response = post(url, body, content_type)
    assert (response.status_code, message in response.text) == (status, True), response.text[:500]
    assert "Traceback" not in response.text
    assert "Failed to predict data" not in response.text


def test_the_server_survives_200_bad_requests_and_answers_after_each(url, btyd, lines):
    good = body_of(lines.head(10))
    want = btyd.predict_customers(lines.head(10)).reset_index()
    kinds = list(BAD.values())
    for i in range(200):
        content_type, body, status, _ = kinds[i % len(kinds)]
        assert post(url, body, content_type).status_code == status
        close(answer(post(url, good)), want)


def test_eight_clients_at_once_get_their_own_answers(url, btyd, lines):
    """Good requests of different customers, and a bad one between any two of them."""
    parts = [lines.iloc[1000 * i : 1000 * (i + 1)] for i in range(8)]
    wanted = [btyd.predict_customers(part, "1998-12-31").reset_index() for part in parts]
    bad = list(BAD.values())

    def client(number):
        for turn in range(5):
            content_type, body, status, _ = bad[(5 * number + turn) % len(bad)]
            assert post(url, body, content_type).status_code == status
            close(answer(post(url, body_of(parts[number], cutoff="1998-12-31"))), wanted[number])
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(client, range(8))) == list(range(8))


# --- how long it takes --------------------------------------------------------------------------

#: Lines of a request, how long it may take in seconds, and how many requests are timed.
LIMITS = pytest.mark.parametrize(
    ("n_lines", "limit", "n_requests"), [(1000, 0.050, 25), (100_000, 1.5, 5)]
)


def processor_seconds(pid):
    """Return the processor's time that a process has used, all threads together."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        pytest.skip("this system does not tell in /proc what a process has used")
    user, system = fields[11:13]  # fields 14 and 15 of proc(5), behind the name in brackets
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@LIMITS
def test_an_answer_costs_little(server, lines, n_lines, limit, n_requests):
    """In time of the processor: whatever else the machine does is not the server's doing."""
    url, pid = server
    body = body_of(lines.head(n_lines))
    post(url, body)
    before = processor_seconds(pid)
    for _ in range(n_requests):
        assert post(url, body).status_code == 200
    assert (processor_seconds(pid) - before) / n_requests <= limit


@pytest.mark.long
@LIMITS
def test_an_answer_comes_soon(url, lines, n_lines, limit, n_requests):
    """By the clock, on a machine that does nothing else: the median of the requests."""
    body = body_of(lines.head(n_lines))
    taken = []
    for _ in range(n_requests):
        start = time.perf_counter()
        assert post(url, body).status_code == 200
        taken.append(time.perf_counter() - start)
    assert statistics.median(taken) <= limit


# --- places -----------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_an_error_of_ours(btyd, tmp_path, url, capsys):
    btyd.save(tmp_path / "model")
    port = int(url.split(":")[2].split("/")[0])
    with pytest.raises(OutputError, match=f"nothing can listen at 127.0.0.1:{port}"):
        serve(tmp_path / "model", port=port)
    assert main(["serve", str(tmp_path / "model"), "--port", str(port)]) == 2
    assert "Give another port" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_told(tmp_path, capsys):
    assert main(["serve", str(tmp_path / "nothing")]) == 2
    assert "is no folder of a model" in " ".join(capsys.readouterr().err.split())


def test_only_this_machine_is_served_unless_asked():
    import inspect

    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"


def test_numbers_are_those_of_the_model_to_the_last_bit(url, btyd, lines):
    got = answer(post(url, body_of(lines.head(200))))
    want = btyd.predict_customers(lines.head(200))
    assert np.array_equal(got["clv"], want["clv"])


# --- MLflow's own command -----------------------------------------------------------------------


@pytest.mark.long
def test_mlflows_own_command_answers_the_same(btyd, lines, tmp_path, monkeypatch):
    """As documented; it takes MLflow about ten seconds to start."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    # MLflow starts uvicorn by its name.
    programs = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", programs + os.pathsep + os.environ["PATH"])
    save_model(model_record(btyd), tmp_path / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(tmp_path / "model")]
    with (tmp_path / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [*command, "--env-manager", "local", "--port", str(port)],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}/invocations"
        deadline = time.monotonic() + 120
        while not is_up(url.replace("invocations", "ping")):
            assert process.poll() is None, (tmp_path / "output.txt").read_text()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.5)
        want = btyd.predict_customers(lines.head(1000)).reset_index()
        close(answer(post(url, body_of(lines.head(1000)))), want)
        refused = post(url, line(date="3/4/2011"))
        assert (refused.status_code, "cannot be read as dates" in refused.text) == (400, True)
        assert "not DataType" in post(url, b"customer_id,date,amount\n", CSV).text
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_up(url):
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
