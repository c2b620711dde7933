// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// nginxConfig gives nginx every advantage that a careful administrator would: a worker for each core, no log, connections to the object store
// that stay open, and buffers that hold what the gateway's hold.
const nginxConfig = `
daemon off;
%[1]s
worker_processes auto;
pid %[2]s/nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  default_type application/octet-stream;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  upstream store { server %[3]s; keepalive 64; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:%[4]d ssl;
    ssl_certificate %[2]s/tls.crt;
    ssl_certificate_key %[2]s/tls.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    root %[2]s/files;
    location = /proxied {
      proxy_pass http://store%[5]s;
      proxy_http_version 1.1;
      proxy_set_header Host %[3]s;
      proxy_set_header Connection "";
      proxy_buffer_size 64k;
      proxy_buffers 8 64k;
      proxy_busy_buffers_size 192k;
      proxy_max_temp_file_size 0;
    }
  }
}
`

// startNginx starts nginx over the decrypted file and the playlist, and in front of the object store.
func (d *delivery) startNginx() {
	d.b.Helper()
	if err := os.Mkdir(d.path("files"), 0o700); err != nil {
		d.b.Fatal(err)
	}
	d.write("files/file", d.file)
	d.write("files/playlist", d.playlist())
	stored := d.presigned()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // its workers have to read what this test wrote
	}
	port := d.free()
	d.write("nginx.conf", fmt.Appendf(nil, nginxConfig, user, d.dir, stored.Host, port, stored.RequestURI()))
	d.nginx = fmt.Sprintf("https://localhost:%d", port)
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // which is in the PATH of root alone
	}
	server, err := process.Start(d.b.Context(), process.Spec{
		Name: "nginx", Path: program, Log: filepath.Join(env.Logs, "nginx.log"),
		Args:  []string{"-c", d.path("nginx.conf"), "-p", d.dir, "-e", "stderr"},
		Ready: process.HTTPReady(d.connection(nil).client, d.nginx+"/playlist"),
	})
	if err != nil {
		d.b.Fatalf("%v: is nginx installed (Debian: apt-get install nginx-light)?", err)
	}
	d.b.Cleanup(server.Kill)
}

// presigned is the URL by which anybody reads the stored object.
func (d *delivery) presigned() *url.URL {
	d.b.Helper()
	objects, err := objectstore.New(d.world.S3.Config())
	if err != nil {
		d.b.Fatal(err)
	}
	defer objects.Close()
	storage := d.open.Status.Storage
	signed, err := objects.Presign(d.b.Context(), http.MethodGet, storage.Bucket, storage.Key, time.Hour, nil)
	if err != nil {
		d.b.Fatal(err)
	}
	parsed, err := url.Parse(signed)
	if err != nil {
		d.b.Fatal(err)
	}
	return parsed
}
