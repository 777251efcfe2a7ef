// Package follow is what the clients of this folder share: where to read, what was told, how far they are.
package follow

import (
	"encoding/json"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

type Settings struct {
	Port                 uint16
	ServerID             uint32
	User, Password, File string
}

func number(name string, bits int) uint64 {
	value, err := strconv.ParseUint(os.Getenv(name), 10, bits)
	if err != nil {
		panic(err)
	}
	return value
}

func Read() Settings {
	return Settings{
		Port:     uint16(number("FOLLOW_PORT", 16)),
		ServerID: uint32(number("FOLLOW_SERVER_ID", 32)),
		User:     os.Getenv("FOLLOW_USER"),
		Password: os.Getenv("FOLLOW_PASSWORD"),
		File:     os.Getenv("FOLLOW_FILE"),
	}
}

// Tell writes one change.
func Tell(change ...any) {
	line, err := json.Marshal(change)
	if err != nil {
		panic(err)
	}
	file, err := os.OpenFile(os.Getenv("FOLLOW_OUTPUT"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}

func stateFile() string {
	return filepath.Join(os.Getenv("FOLLOW_STATE"), "position")
}

// LoadState is what SaveState was given last, or "".
func LoadState() string {
	state, err := os.ReadFile(stateFile())
	if err != nil {
		return ""
	}
	return string(state)
}

func SaveState(state string) {
	if err := os.WriteFile(stateFile(), []byte(state), 0o600); err != nil {
		panic(err)
	}
}

// ExitOnTerm ends the process in order when it is told to.
func ExitOnTerm() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		os.Exit(0)
	}()
}
