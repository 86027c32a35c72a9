// Package report is what the probe tells.
package report

// Report is what there is in a container, as seen by a process in it.
type Report struct {
	// Status has the fields of /proc/1/status (proc(5)), such as CapEff, with
	// their values as they are there.
	Status map[string]string `json:"status"`
	// UID, GID and NoNewPrivileges are those of the probe itself, which has them
	// from the container's configuration like process 1.
	UID             int  `json:"uid"`
	GID             int  `json:"gid"`
	NoNewPrivileges bool `json:"no_new_privileges"`
	// Files is the number of files that were looked at.
	Files int `json:"files"`
	// Writable are the folders in which a file could be made, and the files
	// and block devices that could be written.
	Writable []string `json:"writable,omitempty"`
	// Privileged are the files with a set-user-ID or set-group-ID bit.
	Privileged []string `json:"privileged,omitempty"`
	// Programs are the files that may be executed, but for the probe.
	Programs []string `json:"programs,omitempty"`
}
