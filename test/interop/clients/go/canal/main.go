// A client made of go-mysql's canal, by file and position. It asks for the columns of each table.
package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"kingbus/interop/follow"

	"github.com/go-mysql-org/go-mysql/canal"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

type handler struct {
	canal.DummyEventHandler
}

func (h *handler) OnRow(e *canal.RowsEvent) error {
	if e.Table.Schema != "app" {
		return nil
	}
	for _, row := range e.Rows {
		values := map[string]string{}
		for i, value := range row {
			values[e.Table.Columns[i].Name] = fmt.Sprint(value)
		}
		follow.Tell(e.Action, e.Table.Name, values)
	}
	return nil
}

func (h *handler) OnPosSynced(_ *replication.EventHeader, pos mysql.Position, _ mysql.GTIDSet, _ bool) error {
	follow.SaveState(fmt.Sprintf("%s %d", pos.Name, pos.Pos))
	return nil
}

func begin(file string) mysql.Position {
	name, text, found := strings.Cut(follow.LoadState(), " ")
	if !found {
		return mysql.Position{Name: file, Pos: 4}
	}
	pos, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		panic(err)
	}
	return mysql.Position{Name: name, Pos: uint32(pos)}
}

func main() {
	follow.ExitOnTerm()
	settings := follow.Read()
	for {
		config := canal.NewDefaultConfig()
		config.Addr = fmt.Sprintf("127.0.0.1:%d", settings.Port)
		config.User = settings.User
		config.Password = settings.Password
		config.ServerID = settings.ServerID
		config.Dump.ExecutionPath = ""
		config.IncludeTableRegex = []string{"app\\..*"}
		// A server that restarts breaks the connection for questions, too: canal ends with it and is made anew.
		if c, err := canal.NewCanal(config); err != nil {
			fmt.Println("not begun:", err)
		} else {
			c.SetEventHandler(&handler{})
			fmt.Println("ended:", c.RunFrom(begin(settings.File)))
			c.Close()
		}
		time.Sleep(500 * time.Millisecond)
	}
}
