// Says something to a room: `CLUSTER=chat go run publish.go c:lobby news '{"text": "hello"}'`.
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"

	amqp "github.com/rabbitmq/amqp091-go"
)

func main() {
	room, event, data := os.Args[1], os.Args[2], json.RawMessage(os.Args[3])
	said := map[string]any{"v": 1, "rooms": []string{room}, "event": event, "args": []any{data}}
	body, err := json.Marshal(said)
	must(err)
	partition := fmt.Sprintf("p:%d", crc32.ChecksumIEEE([]byte(room))%64) // a gateway with very many rooms hears by this key
	connection, err := amqp.Dial(os.Getenv("RABBITMQ_URL"))
	must(err)
	channel, err := connection.Channel()
	must(err)
	message := amqp.Publishing{Headers: amqp.Table{"CC": []any{partition}}, Body: body}
	must(channel.Publish(os.Getenv("CLUSTER")+".outgoing", room, false, false, message))
	must(connection.Close())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
