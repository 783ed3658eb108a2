# Everything a newcomer needs: `make run` and `make test`.
