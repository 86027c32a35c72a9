package server

import "net/http"

// recorder keeps what is to be known about an answer later.
type recorder struct {
	http.ResponseWriter
	status int // 0 before the answer began
	bytes  int // of its body
}

func (r *recorder) WriteHeader(status int) {
	// Statuses below 200 announce that the answer is still to come.
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(data)
	r.bytes += n
	return n, err
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
