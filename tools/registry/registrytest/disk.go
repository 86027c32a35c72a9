package registrytest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"example.com/reproducible-images/tools/registry"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

// diskDriver is the name of the storage driver that writes to a Disk.
const diskDriver = "registrytestdisk"

func init() { factory.Register(diskDriver, diskFactory{}) }

// Disk is a file system that gets full.
type Disk struct{ free atomic.Int64 }

// NewDisk returns a disk with so many bytes of space.
func NewDisk(free int64) *Disk {
	d := new(Disk)
	d.free.Store(free)
	return d
}

// Options puts the storage of a registry on the disk.
func (d *Disk) Options() registry.Options {
	return registry.Options{Driver: diskDriver, DriverParameters: map[string]any{"disk": d}}
}

// Grow adds space, in bytes.
func (d *Disk) Grow(bytes int64) { d.free.Add(bytes) }

// write is syscall.ENOSPC when there is no space for so many bytes.
func (d *Disk) write(bytes int64) error {
	for {
		free := d.free.Load()
		if free < bytes {
			return syscall.ENOSPC
		}
		if d.free.CompareAndSwap(free, free-bytes) {
			return nil
		}
	}
}

type diskFactory struct{}

func (diskFactory) Create(_ context.Context, parameters map[string]any) (storagedriver.StorageDriver, error) {
	disk, ok := parameters["disk"].(*Disk)
	if !ok {
		return nil, errors.New("no disk")
	}
	files := filesystem.New(filesystem.DriverParameters{RootDirectory: fmt.Sprint(parameters["rootdirectory"]), MaxThreads: 100})
	return &onDisk{files, disk}, nil
}

// onDisk is distribution's own driver for files, on a disk that gets full.
type onDisk struct {
	storagedriver.StorageDriver
	disk *Disk
}

func (d *onDisk) PutContent(ctx context.Context, path string, content []byte) error {
	if err := d.disk.write(int64(len(content))); err != nil {
		return err
	}
	return d.StorageDriver.PutContent(ctx, path, content)
}

func (d *onDisk) Writer(ctx context.Context, path string, appending bool) (storagedriver.FileWriter, error) {
	w, err := d.StorageDriver.Writer(ctx, path, appending)
	if err != nil {
		return nil, err
	}
	return &diskWriter{w, d.disk}, nil
}

type diskWriter struct {
	storagedriver.FileWriter
	disk *Disk
}

func (w *diskWriter) Write(p []byte) (int, error) {
	if err := w.disk.write(int64(len(p))); err != nil {
		return 0, err
	}
	return w.FileWriter.Write(p)
}
