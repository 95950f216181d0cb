/** What `holdfast init` writes. It is valid as it stands; a test holds it to that. */
export function manifestTemplate(name: string): string {
  return `# One file holds the machine. Check it by: holdfast validate machine.yaml
apiVersion: holdfast/v1
kind: Machine
metadata:
  name: ${name}
  labels: {}

# Apps are images. Build one and push it by:
#   holdfast image build ./my-app -t apps/my-app --push
# apps:
#   my-app:
#     image: apps/my-app:latest              # holdfast deploy pins it by digest
#     run:
#       command: [/bin/my-app, --port, "8080"]
#       ports: [8080]
#     volumes: { /data: my-data }
#     health: { http: "http://127.0.0.1:8080/healthz", grace: 30s }
# volumes:
#   my-data: { snapshot: "30 2 * * *" }

# Sandboxed functions that react to events. Push one by:
#   holdfast push ./my-function --name functions/my-function
# functions:
#   my-function:
#     bundle: functions/my-function:latest   # holdfast deploy pins it by digest
#     on:
#       - mqtt: sensors/+/temperature
#       - cron: "*/5 * * * *"
#     bindings:                              # the only authority it has
#       OUT: { publish: site/temperature }
#       STATE: { kv: readings }
#     limits: { memory: 32MiB, cpu: 50ms, timeout: 5s }

# Durable local logs of MQTT topics; relay sends them to the cloud.
streams:
  telemetry:
    topics: [site/#]
    keep: { bytes: 100MiB, age: 7d }
    relay: { priority: 5 }

# Who may speak to the local MQTT broker. Make a hash by: holdfast hash-password
# clients:
#   sensor-1:
#     password: $scrypt$ln=14,r=8,p=1$…
#     publish: [sensors/#]
#     subscribe: [site/#]
`;
}
