// Command program is what the images of this folder's tests are made of. It prints
// what it finds in its image, one line for each thing.
package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"time"
	_ "time/tzdata"

	"github.com/bazelbuild/rules_go/go/runfiles"
)

// greeting is set by the linker in another binary.
var greeting = "hello"

func main() {
	fmt.Println("greeting:", greeting)
	fmt.Printf("arguments: %q\n", os.Args[1:])
	fmt.Printf("environment: %q\n", os.Getenv("GREETING"))
	fmt.Println("data:", data())
	_, err := time.LoadLocation("Europe/Paris")
	fmt.Println("time zone:", err)
	fmt.Println("certificates:", certificates())
	fmt.Println("temporary file:", temporaryFile())
	me, err := user.LookupId("1000")
	fmt.Println("user:", me, err)
	fmt.Println("helper:", helper())
}

// data reads a file that the go_binary names in its attribute data.
func data() string {
	path, err := runfiles.Rlocation("_main/images/private/testing/program/data.txt")
	if err != nil {
		return err.Error()
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

func helper() string {
	command := exec.Command("/bin/helper")
	command.Stdin = os.Stdin // by default /dev/null, which an engine mounts
	output, err := command.Output()
	if err != nil {
		return err.Error()
	}
	return string(output)
}

func certificates() string {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return err.Error()
	}
	if pool.Equal(x509.NewCertPool()) {
		return "none"
	}
	return "some"
}

func temporaryFile() error {
	file, err := os.CreateTemp("", "upload")
	if err != nil {
		return err
	}
	return file.Close()
}
