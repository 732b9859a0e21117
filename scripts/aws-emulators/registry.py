"""The registry takes every layer that it was ever given as there, in whichever repository: the tests push one base
image to many repositories, and each time it would be all of its megabytes."""

from ministack.services import ecr


def install():
    given = {}
    head, complete = ecr._v2_head_blob, ecr._v2_complete_blob_upload

    def head_anywhere(name, digest):
        blobs = ecr._layer_blobs.setdefault(name, {})
        if digest in given:
            blobs.setdefault(digest, given[digest])
        return head(name, digest)

    def complete_and_keep(name, *rest):
        answer = complete(name, *rest)
        given.update(ecr._layer_blobs.get(name, {}))
        return answer

    ecr._v2_head_blob, ecr._v2_complete_blob_upload = head_anywhere, complete_and_keep
