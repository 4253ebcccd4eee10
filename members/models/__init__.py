from members.models.accounts import Seat, User
from members.models.history import AuditDetail, AuditEvent, AuditSeal
from members.models.organizations import Organization, OrganizationPeriod, Succession
from members.models.participation import Activity, Attendance, ContactMeeting, JointReview
from members.models.people import Member, Membership
from members.models.placements import Placement
from members.models.rosters import RosterImport, StagedRow

__all__ = [
    "Activity",
    "Attendance",
    "AuditDetail",
    "AuditEvent",
    "AuditSeal",
    "ContactMeeting",
    "JointReview",
    "Member",
    "Membership",
    "Organization",
    "OrganizationPeriod",
    "Placement",
    "RosterImport",
    "Seat",
    "StagedRow",
    "Succession",
    "User",
]
