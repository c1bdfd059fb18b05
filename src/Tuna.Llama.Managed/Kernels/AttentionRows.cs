namespace Tuna.Llama.Managed.Kernels;

/// <summary>Rows of one group in a batch: its prompt's, then each response's.</summary>
/// <param name="PromptStart">First row of the prompt.</param>
/// <param name="PromptLength">Rows of the prompt, P.</param>
/// <param name="FirstResponse">Its first response among those of the batch.</param>
/// <param name="ResponseCount">How many responses follow.</param>
/// <param name="RowCount">Rows of the group altogether.</param>
internal readonly record struct GroupSpan(int PromptStart, int PromptLength, int FirstResponse, int ResponseCount, int RowCount);

/// <summary>Rows of one response in a batch.</summary>
/// <param name="Start">First row.</param>
/// <param name="Rows">Rows that are computed; 0 for a response of one token whose own row nothing needs.</param>
/// <param name="Index">Number of the response among those of the micro-batch.</param>
/// <param name="FirstToken">Its first token id in the layout's list of all responses' tokens.</param>
/// <param name="Length">Its tokens.</param>
internal readonly record struct ResponseSpan(int Start, int Rows, int Index, int FirstToken, int Length);

/// <summary>Which rows of a batch attend to which: a prompt's to those before, a response's to its whole prompt and to its own
/// before.</summary>
/// <param name="groups">Rows of each group.</param>
/// <param name="responses">Rows of each response.</param>
/// <param name="rowCount">Rows altogether, N.</param>
/// <param name="longestSequence">Positions of the longest sequence.</param>
internal readonly ref struct AttentionRows(ReadOnlySpan<GroupSpan> groups, ReadOnlySpan<ResponseSpan> responses, int rowCount,
    int longestSequence)
{
    public ReadOnlySpan<GroupSpan> Groups { get; } = groups;

    public ReadOnlySpan<ResponseSpan> Responses { get; } = responses;

    public int RowCount => rowCount;

    public int LongestSequence => longestSequence;
}
