"""The names of AWS's rule groups that the firewall has."""

COMMON_RULES = "AWSManagedRulesCommonRuleSet"
BAD_INPUTS = "AWSManagedRulesKnownBadInputsRuleSet"
