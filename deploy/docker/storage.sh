#!/bin/sh
# Start SeaweedFS as one S3 server whose only identity is the key pair from the environment.
set -eu
cat > /tmp/s3.json <<JSON
{"identities": [{"name": "reelyard",
  "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
exec weed server -dir=/data -s3 -filer -s3.config=/tmp/s3.json -master.telemetry=false -ip.bind=0.0.0.0
