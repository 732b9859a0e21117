# Stand-in for python:3.12-slim: this machine's CPython 3.12, moved to /usr/local, with a pip of its own.
ARG BASE
FROM $BASE
ADD python.tar /usr/local/
RUN ldconfig \
 && ln -s python3.12 /usr/local/bin/python3 && ln -s python3.12 /usr/local/bin/python \
 && python -c 'import bz2, ctypes, lzma, readline, sqlite3, ssl, uuid, zlib' \
 && python -m ensurepip --default-pip && pip --version
CMD ["python3"]
