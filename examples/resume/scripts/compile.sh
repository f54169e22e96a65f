#!/usr/bin/env bash
# Makes a program of the parts, which remembers in which attempt it was made.
set -euo pipefail

{
  echo "#!/usr/bin/env bash"
  echo "echo 'chart of attempt $GITHUB_RUN_ATTEMPT'"
  echo "cat <<'END'"
  cat build/parts/*.txt
  echo "END"
} > build/chart
chmod 755 build/chart
echo "compiled in attempt $GITHUB_RUN_ATTEMPT"
