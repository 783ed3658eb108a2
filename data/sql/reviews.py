"""Writes of reviews: drafted once for each subject, added to in versions and comments, signed once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from data.errors import IllegalMove, StaleVersion
from data.model.review import Review, ReviewComment, ReviewVersion
from data.sql import rows
from data.sql.review_rows import ReviewVersionRow
from data.sql.reviews_read import COMMENTS, REVIEWS
from data.sql.writing import SqlWriting

VERSIONS = ReviewVersionRow.table()


def _values(review: Review) -> dict[str, Any]:
    priority = None if review.priority is None else review.priority.value
    return rows.plain(review, "id", "topic", "priority", "label", "rule") | {
        "topic": review.topic.value,
        "priority": priority,
    }


class ReviewWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about reviews."""

    def add_review(self, review: Review) -> Review | None:
        statement = self._inserting(REVIEWS).on_conflict_do_nothing().returning(REVIEWS.c.id)
        number = self._execute(statement, _values(review), f"review of {review.subject}").scalar()
        return None if number is None else replace(review, id=int(number))

    def add_review_version(self, version: ReviewVersion) -> ReviewVersion:
        review = self._unsigned(version.review_id)
        if version.number != review.newest + 1:
            raise StaleVersion(
                f"review {review.id} was changed by somebody else: version {version.number - 1} is now {review.newest}",
                key="review.stale",
                base=version.number - 1,
                version=review.newest,
            )
        number = self._number(VERSIONS, rows.plain(version, "id"), f"version of review {review.id}")
        self._save_review(replace(review, newest=version.number))
        return replace(version, id=number)

    def sign_review(self, review_id: int, number: int, who: str, at: datetime, event_id: int | None) -> Review:
        review = self._unsigned(review_id)
        version = self.review_version(review_id, number)
        if version is None or number != review.newest:
            raise StaleVersion(
                f"review {review_id}: version {number} is not the newest, {review.newest} is",
                key="review.stale",
                base=number,
                version=review.newest,
            )
        signed = replace(review, signed=number, signed_at=at, signed_by=who, sha256=version.sha256, event_id=event_id)
        return self._save_review(signed)

    def add_review_comment(self, comment: ReviewComment) -> ReviewComment:
        number = self._number(COMMENTS, rows.plain(comment, "id"), f"comment on review {comment.review_id}")
        return replace(comment, id=number)

    def _unsigned(self, review_id: int) -> Review:
        """Raises NotFound, IllegalMove."""
        review = self.review(review_id)
        if review.signed is not None:
            raise IllegalMove(f"review {review_id} is signed; it stays as it is", key="review.signed", review=review_id)
        return review

    def _save_review(self, review: Review) -> Review:
        version = self._save(REVIEWS, review, _values(review) | {"version": review.version}, "review")
        return replace(review, version=version)
