using Microsoft.Extensions.AI;

namespace Tuna.Chat;

/// <summary>Chat options that also say what a call is for; nothing of it is sent to the service.</summary>
/// <remarks>Decorators of a chat client read it: a journal keys by <see cref="PromptVersion"/> and <see cref="PresentedOrder"/> and names
/// the row.</remarks>
public sealed class CallOptions : ChatOptions
{
    /// <summary>Creates empty options.</summary>
    public CallOptions()
    {
    }

    private CallOptions(CallOptions other)
        : base(other)
    {
        RowId = other.RowId;
        PromptVersion = other.PromptVersion;
        PresentedOrder = other.PresentedOrder;
    }

    /// <summary>The row that is asked about.</summary>
    public string? RowId { get; set; }

    /// <summary>Names the exact wording of the prompt.</summary>
    public string? PromptVersion { get; set; }

    /// <summary>When the question lists several texts: the original index of each in the order it is shown in; null for the row's own
    /// order.</summary>
    public IReadOnlyList<int>? PresentedOrder { get; set; }

    /// <inheritdoc/>
    public override ChatOptions Clone() => new CallOptions(this);
}
