// kindconfig FILE ends with 0 if kind would accept FILE as its cluster configuration, else it says why not.
// kind itself looks at the file only where it also finds Docker.
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/kind/pkg/internal/apis/config/encoding"
)

func main() {
	config, err := encoding.Load(os.Args[1])
	if err == nil {
		if config.Name == "" {
			config.Name = "kind" // as kind does when neither the file nor the command line names it
		}
		err = config.Validate()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
