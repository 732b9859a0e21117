# Stand-in for python:3.12-slim where this machine has no CPython 3.12 that can be moved: Debian's 3.11.
ARG BASE
FROM $BASE
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \
 && ln -s /usr/bin/python3 /usr/local/bin/python && pip --version
CMD ["python3"]
