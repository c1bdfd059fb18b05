using Tuna.Models;
using Tuna.Models.Checkpoints;
