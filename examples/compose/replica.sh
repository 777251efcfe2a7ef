#!/bin/bash
# Run once by the mysql image when it sets up the replica of docker-compose.yml. Replication starts with the server.
docker_process_sql <<SQL
CHANGE REPLICATION SOURCE TO SOURCE_HOST='node2', SOURCE_PORT=3390, SOURCE_USER='repl',
  SOURCE_PASSWORD='$(< /run/secrets/replica_password)', SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1;
SQL
