#!/bin/bash
# Run once by the mysql image when it sets up the source of docker-compose.yml: the user that Kingbus logs in with.
docker_process_sql <<SQL
CREATE USER 'repl'@'%' IDENTIFIED BY '$(< /run/secrets/source_password)';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'repl'@'%';
SQL
