from evaluations.models.assessments import Assessment, AssessmentVersion
from evaluations.models.bundles import Bundle, BundlePiece
from evaluations.models.campaigns import Campaign
from evaluations.models.chasing import LadderRun
from evaluations.models.checks import Contest, Verification
from evaluations.models.data_requests import DataRequest
from evaluations.models.deadlines import Extension, InnerDeadline
from evaluations.models.delivery import MailHour, StoppedAddress
from evaluations.models.destructions import Destruction
from evaluations.models.documents import Document, DocumentFile, NumberRange, NumberSeries
from evaluations.models.hand_overs import HandOver
from evaluations.models.inspections import Inspection
from evaluations.models.introductions import Introduction
from evaluations.models.letters import Letter
from evaluations.models.reorganizations import Reorganization
from evaluations.models.requests import Consultation, EvaluationRequest, IncomingLetter
from evaluations.models.residence_reports import ResidenceReport
from evaluations.models.scan_pages import ScanPage
from evaluations.models.scans import ScanBatch, ScanUpload
from evaluations.models.seasons import Season
from evaluations.models.signing_keys import Signature, SigningKey
from evaluations.models.transfers import Transfer

__all__ = [
    "Assessment",
    "AssessmentVersion",
    "Bundle",
    "BundlePiece",
    "Campaign",
    "Consultation",
    "Contest",
    "DataRequest",
    "Destruction",
    "Document",
    "DocumentFile",
    "EvaluationRequest",
    "Extension",
    "HandOver",
    "IncomingLetter",
    "InnerDeadline",
    "Inspection",
    "LadderRun",
    "Introduction",
    "Letter",
    "MailHour",
    "NumberRange",
    "NumberSeries",
    "ResidenceReport",
    "Reorganization",
    "ScanBatch",
    "ScanPage",
    "ScanUpload",
    "Season",
    "StoppedAddress",
    "Signature",
    "SigningKey",
    "Transfer",
    "Verification",
]
