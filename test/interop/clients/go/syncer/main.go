// A client made of go-mysql's BinlogSyncer, by GTID. It has no names of columns.
package main

import (
	"context"
	"fmt"

	"kingbus/interop/follow"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

var operations = map[replication.EventType]string{
	replication.WRITE_ROWS_EVENTv2:  "insert",
	replication.UPDATE_ROWS_EVENTv2: "update",
	replication.DELETE_ROWS_EVENTv2: "delete",
}

func main() {
	follow.ExitOnTerm()
	settings := follow.Read()
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: settings.ServerID,
		Flavor:   mysql.MySQLFlavor,
		Host:     "127.0.0.1",
		Port:     settings.Port,
		User:     settings.User,
		Password: settings.Password,
	})
	held, err := mysql.ParseMysqlGTIDSet(follow.LoadState())
	if err != nil {
		panic(err)
	}
	streamer, err := syncer.StartSyncGTID(held)
	if err != nil {
		panic(err)
	}
	for {
		event, err := streamer.GetEvent(context.Background())
		if err != nil {
			panic(err)
		}
		switch e := event.Event.(type) {
		case *replication.XIDEvent:
			follow.SaveState(e.GSet.String())
		case *replication.RowsEvent:
			if string(e.Table.Schema) != "app" {
				continue
			}
			for _, row := range e.Rows {
				texts := make([]string, len(row))
				for i, value := range row {
					texts[i] = fmt.Sprint(value)
				}
				follow.Tell(operations[event.Header.EventType], string(e.Table.Table), texts)
			}
		}
	}
}
