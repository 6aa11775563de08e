// Answers /deploy, mentions, and a button. It ends with its connection: its unit starts it again.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"sync"
)

type object = map[string]any

type message struct {
	ID     any    `json:"id"`
	Method string `json:"method"`
	Params struct {
		Envelope struct {
			Payload payload `json:"payload"`
		} `json:"envelope"`
	} `json:"params"`
	Result struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	} `json:"result"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type payload struct {
	Command string `json:"command"`
	Text    string `json:"text"`
	Event   struct {
		Type     string `json:"type"`
		Channel  string `json:"channel"`
		User     string `json:"user"`
		TS       string `json:"ts"`
		ThreadTS string `json:"thread_ts"`
	} `json:"event"`
	Actions []struct {
		ActionID string `json:"action_id"`
	} `json:"actions"`
	Channel json.RawMessage `json:"channel"`
	User    json.RawMessage `json:"user"`
}

type slackd struct {
	connection net.Conn
	lock       sync.Mutex
	waiting    map[string]chan message // calls that slackd has not answered yet, by id
}

func (s *slackd) send(m object) {
	m["jsonrpc"] = "2.0"
	line, err := json.Marshal(m)
	if err != nil {
		log.Print(err)
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.connection.Write(append(line, '\n'))
}

func (s *slackd) call(id, method string, args object) error {
	answer := make(chan message, 1)
	s.lock.Lock()
	s.waiting[id] = answer
	s.lock.Unlock()
	s.send(object{"id": id, "method": "slack.call", "params": object{"method": method, "args": args, "call_id": id}})
	got := <-answer
	if got.Error != nil {
		return fmt.Errorf("%s: %s", method, got.Error.Message)
	}
	if !got.Result.OK {
		return fmt.Errorf("%s: %s", method, got.Result.Error)
	}
	return nil
}

func (s *slackd) handle(delivery string, p payload) (object, error) {
	switch {
	case p.Command == "/deploy":
		return object{"response": object{"text": "Deploying " + p.Text}}, nil
	case p.Event.Type == "app_mention":
		thread := p.Event.ThreadTS
		if thread == "" {
			thread = p.Event.TS
		}
		args := object{"channel": p.Event.Channel, "thread_ts": thread, "text": "Hello <@" + p.Event.User + ">"}
		return object{}, s.call(delivery+"/hello", "chat.postMessage", args)
	case len(p.Actions) > 0 && p.Actions[0].ActionID == "approve":
		args := object{"channel": idOf(p.Channel), "text": "<@" + idOf(p.User) + "> approved"}
		return object{}, s.call(delivery+"/approved", "chat.postMessage", args)
	}
	return object{}, nil
}

// idOf reads the id of {"id": …}; Slack has a plain name in this place in some envelopes.
func idOf(raw json.RawMessage) string {
	var found struct{ ID string }
	json.Unmarshal(raw, &found)
	return found.ID
}

func (s *slackd) receive(m message) {
	id, _ := m.ID.(string)
	if m.Method == "envelope" {
		go func() {
			result, err := s.handle(strings.Split(id, ".")[0], m.Params.Envelope.Payload)
			if err != nil { // slackd tries it again
				s.send(object{"id": id, "error": object{"code": -32000, "message": err.Error()}})
				return
			}
			s.send(object{"id": id, "result": result})
		}()
	} else if m.Method == "" {
		s.lock.Lock()
		answer, known := s.waiting[id]
		delete(s.waiting, id)
		s.lock.Unlock()
		if known {
			answer <- m
		} else if m.Error != nil {
			log.Fatal(m.Error.Message)
		}
	}
}

func main() {
	path := os.Getenv("SLACKD_PLUGINS_SOCKET")
	if path == "" {
		path = "/run/slackd/plugins.sock"
	}
	connection, err := net.Dial("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	s := &slackd{connection: connection, waiting: map[string]chan message{}}
	s.send(object{"id": 0, "method": "initialize", "params": object{"protocol": 1, "plugin": "deploybot"}})
	lines := bufio.NewReader(connection)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m message
		var other *json.UnmarshalTypeError // an event whose channel is an object, say: the rest is read
		if err := json.Unmarshal(line, &m); err != nil && !errors.As(err, &other) {
			log.Print(err)
			continue
		}
		s.receive(m)
	}
}
