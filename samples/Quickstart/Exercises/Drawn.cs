namespace Quickstart.Exercises;

/// <summary>An exercise of one kind, before anyone responds to it.</summary>
/// <param name="Instruction">What the policy is asked.</param>
/// <param name="Answer">What a correct response must end in.</param>
/// <param name="Mistake">The answer of those who read in haste.</param>
internal sealed record Drawn(string Instruction, string Answer, string Mistake);
