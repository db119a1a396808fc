"""The API's own domain, where the stage names one."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra_cdk.stages import Stage


class Domain(Construct):
    """The domain of the API, with at least TLS 1.2. A stage that names the zone gets the domain's record too."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, api: apigateway.RestApi) -> None:
        super().__init__(scope, construct_id)
        domain = apigateway.DomainName(
            self,
            "Name",
            domain_name=stage.domain_name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", stage.certificate_arn),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
            mapping=api,
        )
        self.target = domain.domain_name_alias_domain_name
        if stage.hosted_zone_id:
            route53.CfnRecordSet(
                self,
                "Record",
                hosted_zone_id=stage.hosted_zone_id,
                name=f"{stage.domain_name}.",
                type="A",
                alias_target=route53.CfnRecordSet.AliasTargetProperty(
                    dns_name=self.target, hosted_zone_id=domain.domain_name_alias_hosted_zone_id
                ),
            )
