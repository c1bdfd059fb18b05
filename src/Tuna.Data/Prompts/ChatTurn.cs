namespace Tuna.Data.Prompts;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, or a role of the template's own.</param>
/// <param name="Content">What is said.</param>
public readonly record struct ChatTurn(string Role, string Content);
