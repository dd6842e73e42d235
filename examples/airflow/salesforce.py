"""Copy the Salesforce org every night, by sluice on the worker or in a container."""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="salesforce",
    schedule="15 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    # sluice knows itself how far it got: one run makes up for all that were missed.
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
) as dag:
    BashOperator(
        task_id="copy",
        bash_command="sluice ingest --source-table account,contact,opportunity --progress log",
        # Airflow masks variables whose name holds "secret".
        env={
            "SLUICE_SOURCE_URI": "{{ var.value.sluice_source_secret }}",
            "SLUICE_DEST_URI": "{{ var.value.sluice_dest_secret }}",
        },
        append_env=True,
        do_xcom_push=False,
    )

    # The same in a container, with the provider for Docker:
    #
    #   from airflow.providers.docker.operators.docker import DockerOperator
    #
    #   DockerOperator(
    #       task_id="copy",
    #       image="sluice",
    #       command="ingest --source-table account,contact,opportunity --progress log",
    #       private_environment={
    #           "SLUICE_SOURCE_URI": "{{ var.value.sluice_source_secret }}",
    #           "SLUICE_DEST_URI": "{{ var.value.sluice_dest_secret }}",
    #       },
    #       auto_remove="success",
    #       mount_tmp_dir=False,
    #   )
