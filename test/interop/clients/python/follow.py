"""A client made of python-mysql-replication, with the names of columns from information_schema."""
import json
import os
import signal
import sys
import time

import pymysql
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.event import XidEvent
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

RETRY_SECONDS = 0.5
ENV = os.environ
STATE = os.path.join(ENV["FOLLOW_STATE"], "position.json")
OPERATIONS = {WriteRowsEvent: "insert", UpdateRowsEvent: "update", DeleteRowsEvent: "delete"}


def read_state():
    if not os.path.exists(STATE):
        return ENV["FOLLOW_FILE"], 4
    with open(STATE) as file:
        return json.load(file)


def follow(output):
    """Until the connection breaks."""
    log_file, log_pos = read_state()
    stream = BinLogStreamReader(
        connection_settings={
            "host": "127.0.0.1",
            "port": int(ENV["FOLLOW_PORT"]),
            "user": ENV["FOLLOW_USER"],
            "passwd": ENV["FOLLOW_PASSWORD"],
        },
        server_id=int(ENV["FOLLOW_SERVER_ID"]),
        resume_stream=True,
        blocking=True,
        log_file=log_file,
        log_pos=log_pos,
        slave_heartbeat=5,
        use_column_name_cache=True,
        only_events=[*OPERATIONS, XidEvent],
    )
    try:
        for event in stream:
            if isinstance(event, XidEvent):
                with open(STATE, "w") as file:
                    json.dump([stream.log_file, stream.log_pos], file)
            elif event.schema == "app":
                for row in event.rows:
                    values = row.get("values") or [row["before_values"], row["after_values"]]
                    line = [OPERATIONS[type(event)], event.table, values]
                    output.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
                    output.flush()
    finally:
        stream.close()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with open(ENV["FOLLOW_OUTPUT"], "a") as changes:
    while True:
        try:
            follow(changes)
            print("the stream has ended", flush=True)
        except (pymysql.err.MySQLError, ConnectionError) as error:
            print(f"cut off: {error}", flush=True)
        time.sleep(RETRY_SECONDS)
