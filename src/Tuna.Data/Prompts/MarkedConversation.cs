namespace Tuna.Data.Prompts;

/// <summary>A conversation as tokens, and which of them the assistant writes.</summary>
/// <param name="Ids">The ids of the whole conversation, [T].</param>
/// <param name="Answers">Ranges of <paramref name="Ids"/> that the assistant writes, in order, apart from each other, none empty.</param>
public sealed record MarkedConversation(ReadOnlyMemory<int> Ids, IReadOnlyList<Range> Answers);
