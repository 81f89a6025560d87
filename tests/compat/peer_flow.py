"""A flow for unmodified clients: tasks, a retry, a tag, a map, a stored result, logs, a subflow and a run name.

Run by the interpreter of the client's environment, never imported by the tests. The one argument is the report's path.
"""

import json
import sys

from prefect import flow, get_run_logger, task

tries = []


@task(retries=2, retry_delay_seconds=0)
def flaky(x):
    tries.append(x)
    if len(tries) < 2:
        raise ValueError("the first try fails")
    return x + 1


@task(tags=["limited"], persist_result=True)
def add(a, b):
    return a + b


@flow
def child(x):
    return add(x, 10)


@flow(name="parent", flow_run_name="parent of {n}", log_prints=True, retries=0)
def parent(n: int = 3):
    get_run_logger().info("logged by the flow")
    print("printed by the flow")
    first = flaky(n)
    second = add.submit(first, 1).result()
    mapped = [future.result() for future in add.map([1, 2], [second, second])]
    return child(sum(mapped))


if __name__ == "__main__":
    with open(sys.argv[1], "w") as report:
        json.dump({"result": parent(n=4)}, report)
